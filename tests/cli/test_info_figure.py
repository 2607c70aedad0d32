"""`dynplug info --figure`."""


def test_a_component_is_drawn_into_a_file(dynplug, tmp_path, one_line):
    result = dynplug("info", "surrogate", "Triangle", "--figure", str(tmp_path / "new" / "triangle.svg"))
    assert result.out == f"{tmp_path / 'new' / 'triangle.svg'}\n"
    assert (tmp_path / "new" / "triangle.svg").read_text().startswith("<?xml")
    line = one_line(dynplug("info", "surrogate", "Triangle", "--figure", str(tmp_path / "triangle.bmpp")))
    assert "no picture has the suffix '.bmpp'. Give one of" in line
