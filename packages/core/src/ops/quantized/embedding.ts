import type { TableBits } from '../../numerics/rowwise-table.js';
import type { OpDef } from '../op-def.js';
import { tableBag, tableLookup } from './embedding-bag.js';
import { tableFromCodes, tablePrepack, tableUnpack } from './embedding-table.js';

/** The ops of tables of one width. */
export interface TableOps {
  readonly prepack: OpDef;
  readonly unpack: OpDef;
  readonly bag: OpDef;
  readonly lookup: OpDef;
}

function tableOps(bits: TableBits, opcode: number): TableOps {
  return {
    prepack: tablePrepack(bits, opcode),
    unpack: tableUnpack(bits, opcode + 1),
    bag: tableBag(bits, opcode + 2),
    lookup: tableLookup(bits, opcode + 3),
  };
}

/** The ops of embedding tables by width of codes. */
export const TABLE_OPS: Readonly<Record<TableBits, TableOps>> = {
  8: tableOps(8, 100),
  4: tableOps(4, 104),
  2: tableOps(2, 108),
};

/** All of them in the order of their opcodes, 100 to 112. */
export const EMBEDDING_TABLE_OPS: readonly OpDef[] = [
  ...([8, 4, 2] as const).flatMap((bits) => Object.values(TABLE_OPS[bits]) as OpDef[]),
  tableFromCodes,
];
