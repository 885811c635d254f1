import { readFile, rename, writeFile } from 'node:fs/promises';
import type { RowResult } from './measure-row.js';

/** Rows by name, kept in a file as they come: a run that was interrupted goes on where it was. */
export class ResultsFile {
  private constructor(
    private readonly file: string | undefined,
    private readonly rows: Map<string, RowResult>,
  ) {}

  static async open(file: string | undefined): Promise<ResultsFile> {
    if (file === undefined) return new ResultsFile(undefined, new Map());
    const text = await readFile(file, 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return '{}';
      throw error;
    });
    return new ResultsFile(file, new Map(Object.entries(JSON.parse(text))));
  }

  get(name: string): RowResult | undefined {
    return this.rows.get(name);
  }

  async set(name: string, row: RowResult): Promise<void> {
    this.rows.set(name, row);
    if (this.file === undefined) return;
    await writeFile(`${this.file}.part`, JSON.stringify(Object.fromEntries(this.rows), null, 1));
    await rename(`${this.file}.part`, this.file);
  }
}
