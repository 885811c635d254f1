import { OctavoError } from '@octavo/core';

/** Reads JSON that may be anything: every step checks a type, and every complaint says where. */
export class JsonReader {
  private readonly value: unknown;
  /** `nodes[3].op`, for messages. */
  private readonly place: string;
  private readonly source: string;

  constructor(value: unknown, source: string, place = 'graph') {
    this.value = value;
    this.source = source;
    this.place = place;
  }

  /** A field of a record; one that is missing reads as undefined. */
  field(name: string): JsonReader {
    const record = this.record();
    return new JsonReader(Object.hasOwn(record, name) ? record[name] : undefined, this.source, `${this.place}.${name}`);
  }

  get isAbsent(): boolean {
    return this.value === undefined;
  }

  get isNull(): boolean {
    return this.value === null;
  }

  /** True for `{ [key]: ... }`. */
  isRecordWith(key: string): boolean {
    return isRecord(this.value) && Object.hasOwn(this.value, key);
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  get isText(): boolean {
    return typeof this.value === 'string';
  }

  list(): JsonReader[] {
    if (!Array.isArray(this.value)) throw this.fault('must be a list');
    return this.value.map((item, i) => new JsonReader(item, this.source, `${this.place}[${i}]`));
  }

  /** What `read` makes of each item of a list. */
  items<T>(read: (item: JsonReader) => T): T[] {
    return this.list().map((item) => read(item));
  }

  entries(): [string, JsonReader][] {
    return Object.entries(this.record()).map(([name, value]) => [
      name,
      new JsonReader(value, this.source, `${this.place}.${name}`),
    ]);
  }

  text(otherwise?: string): string {
    if (this.value === undefined && otherwise !== undefined) return otherwise;
    if (typeof this.value !== 'string') throw this.fault('must be a text');
    return this.value;
  }

  number(): number {
    if (typeof this.value !== 'number') throw this.fault('must be a number');
    return this.value;
  }

  /** An integer of 0 or more. */
  count(): number {
    if (!Number.isSafeInteger(this.value) || (this.value as number) < 0)
      throw this.fault('must be an integer of 0 or more');
    return this.value as number;
  }

  flag(): boolean {
    if (typeof this.value !== 'boolean') throw this.fault('must be true or false');
    return this.value;
  }

  oneOf<T extends string>(names: readonly T[]): T {
    if (!names.includes(this.value as T)) throw this.fault(`must be one of ${names.join(', ')}`);
    return this.value as T;
  }

  fault(why: string, cause?: unknown): OctavoError {
    return new OctavoError(
      'INVALID_FILE',
      `${this.source}: the graph in this file cannot be used: ${this.place} ${why}`,
      {
        cause,
        details: { source: this.source, place: this.place },
      },
    );
  }

  private record(): Record<string, unknown> {
    if (!isRecord(this.value)) throw this.fault('must be an object');
    return this.value;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
