// Writes src/onnx/gen/onnx_pb.ts from an onnx.proto: node scripts/generate-onnx.mjs PATH (it lies in the PyPI package
// `onnx`, 1.23.2 for the committed file). The compiler and its plug-in are fetched; nothing of them is needed to build.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [proto] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'onnx-proto-'));
try {
  mkdirSync(join(work, 'proto/onnx'), { recursive: true });
  copyFileSync(proto, join(work, 'proto/onnx/onnx.proto'));
  writeFileSync(join(work, 'package.json'), '{ "private": true }');
  const tools = ['@bufbuild/protobuf@2.17.0', '@bufbuild/protoc-gen-es@2.17.0', '@bufbuild/buf@1.75.0'];
  execFileSync('npm', ['install', '--silent', ...tools], { cwd: work, stdio: 'inherit' });
  writeFileSync(join(work, 'buf.yaml'), 'version: v2\nmodules: [{ path: proto }]\n');
  writeFileSync(
    join(work, 'buf.gen.yaml'),
    'version: v2\nplugins: [{ local: node_modules/.bin/protoc-gen-es, out: gen, opt: [target=ts, import_extension=js] }]\n',
  );
  execFileSync('node_modules/.bin/buf', ['generate'], { cwd: work, stdio: 'inherit' });
  const target = fileURLToPath(new URL('../src/onnx/gen/onnx_pb.ts', import.meta.url));
  copyFileSync(join(work, 'gen/onnx/onnx_pb.ts'), target);
} finally {
  rmSync(work, { recursive: true });
}
