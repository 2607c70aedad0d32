"""The identities that built-in components state, by name: equations between arguments and behaviour."""

LAYERS = {
    "Dense": {"output": "weight @ x + bias"},
    "Sparse": {"output": "matrix(weight, connections.post, connections.pre, out_size, in_size) @ x + bias"},
    "RNNCell": {"h": "tanh(W @ x + U @ h_before + bias)", "output": "h"},
    "GRUCell": {
        "given": "cell.weight_ih @ x + cell.bias",
        "kept": "cell.weight_hh @ h_before",
        "r": "sigmoid(part(given, 1, 3) + part(kept, 1, 3))",
        "z": "sigmoid(part(given, 2, 3) + part(kept, 2, 3))",
        "n": "tanh(part(given, 3, 3) + r * (part(kept, 3, 3) + cell.bias_n))",
        "h": "(1 - z) * n + z * h_before",
        "output": "h",
    },
    "LSTMCell": {
        "gates": "cell.weight_ih @ x + cell.weight_hh @ h_before + cell.bias",
        "c": "sigmoid(part(gates, 2, 4)) * c_before + sigmoid(part(gates, 1, 4)) * tanh(part(gates, 3, 4))",
        "h": "sigmoid(part(gates, 4, 4)) * tanh(c)",
        "output": "h",
    },
    "TDBatchNorm": {"output": "weight * alpha * V_th * (x - mean) / sqrt(variance + epsilon) + bias"},
    "TEBatchNorm": {},
    "BatchNormThroughTime": {},
    "Dropout": {"mean(where(abs(output) > 0, 1, 0))": "1 - p"},
    "InputGroup": {"output": "x"},
}

MEASURES = {
    "cross_entropy": {"value": "-mean(sum(targets * log(softmax(predicts))))"},
    "mse": {"value": "mean((predicts - targets)**2)"},
    "mae": {"value": "mean(abs(predicts - targets))"},
    "huber": {
        "error": "abs(predicts - targets)",
        "value": "mean(where(error < delta, error**2 / 2, delta * (error - delta / 2)))",
    },
    "accuracy": {"value": "mean(sum(best(targets) * best(predicts)))"},
}

_LECUN = {"sqrt(mean(array**2))": "sqrt(scale / fan_in)"}
INITIALIZERS = {
    "Constant": {"array": "value"},
    "Normal": {"sqrt(mean(array**2))": "std"},
    "Uniform": {"mean(array)": "(low + high) / 2", "std(array)": "(high - low) / sqrt(12)"},
    "Orthogonal": {"sqrt(mean(array**2))": "scale / sqrt(max(fan_in, fan_out))"},
    "VarianceScaling": _LECUN,
    "KaimingNormal": _LECUN,
    "XavierNormal": {"sqrt(mean(array**2))": "sqrt(2 * scale / (fan_in + fan_out))"},
    "LecunNormal": _LECUN,
}

CONNECTORS = {
    "AllToAll": {"indegree": "size - 1 + self_connections", "self_connected": "self_connections"},
    "OneToOne": {"indegree": "1", "outdegree": "1", "self_connected": "1"},
    "FixedProbability": {"mean(mask)": "p", "self_connected * (1 - self_connections)": "0"},
    "FixedInDegree": {"indegree": "n"},
    "FixedOutDegree": {"outdegree": "n"},
    "SmallWorld": {"mean(indegree)": "2 * floor(k / 2)", "self_connected": "0"},
    "ScaleFree": {"mean(indegree)": "2 * m * (size - m) / size", "self_connected": "0"},
}

ENCODERS = {
    "Latency": {"first": "floor((1 - x) * (num_step - 1) + 0.5)"},
    "Poisson": {"mean(code)": "rate * dt * mean(x)"},
}
