"""Writes the ONNX project's backend node tests to a folder: pip install onnx, then write-node-tests.py FOLDER.

Each test becomes FOLDER/<name>/model.onnx, test_data_set_<i>/{input,output}_<j>.pb and tolerance.json.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def tensor_bytes(value, info):
    if isinstance(value, onnx.TensorProto):
        return value.SerializeToString()
    return numpy_helper.from_array(np.asarray(value), info.name).SerializeToString()


def main(folder):
    for case in collect_testcases(None):
        target = pathlib.Path(folder) / case.name
        try:
            for i, (inputs, outputs) in enumerate(case.data_sets):
                data = target / f"test_data_set_{i}"
                data.mkdir(parents=True, exist_ok=True)
                for kind, values, infos in (
                    ("input", inputs, case.model.graph.input),
                    ("output", outputs, case.model.graph.output),
                ):
                    for j, (value, info) in enumerate(zip(values, infos)):
                        if info.type.HasField("tensor_type") and value is not None and not isinstance(value, list):
                            (data / f"{kind}_{j}.pb").write_bytes(tensor_bytes(value, info))
        except Exception as error:  # A case of another kind of value; the model alone says so.
            print(f"{case.name}: {error}", file=sys.stderr)
        (target / "model.onnx").write_bytes(case.model.SerializeToString())
        (target / "tolerance.json").write_text(json.dumps({"rtol": case.rtol, "atol": case.atol}))


main(sys.argv[1])
