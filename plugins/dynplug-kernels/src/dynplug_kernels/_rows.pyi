rows: object
