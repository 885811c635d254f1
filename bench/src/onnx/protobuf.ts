// Writing protocol buffers: the three wire types that ONNX needs.
// https://protobuf.dev/programming-guides/encoding/

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** A message under construction. Large byte fields are kept by reference until `toBytes`. */
export class Message {
  private readonly parts: Uint8Array[] = [];
  private byteLength = 0;

  /** int32, int64 and enums; negative numbers take ten bytes, as the format has it. */
  integer(field: number, value: number | bigint): this {
    this.key(field, VARINT);
    return this.varint(BigInt(value));
  }

  float(field: number, value: number): this {
    this.key(field, FIXED32);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.append(bytes);
  }

  bytes(field: number, data: ArrayBufferView): this {
    this.key(field, LENGTH_DELIMITED);
    this.varint(BigInt(data.byteLength));
    return this.append(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    this.key(field, LENGTH_DELIMITED);
    this.varint(BigInt(value.byteLength));
    for (const part of value.parts) this.append(part);
    return this;
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.byteLength);
    let offset = 0;
    for (const part of this.parts) {
      bytes.set(part, offset);
      offset += part.byteLength;
    }
    return bytes;
  }

  private key(field: number, wireType: number): void {
    this.varint(BigInt((field << 3) | wireType));
  }

  private varint(value: bigint): this {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, value);
    while (rest >= 128n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    return this.append(Uint8Array.from(bytes));
  }

  private append(part: Uint8Array): this {
    this.parts.push(part);
    this.byteLength += part.byteLength;
    return this;
  }
}
