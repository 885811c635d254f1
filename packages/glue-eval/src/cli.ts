#!/usr/bin/env node
import { processIO } from './commands/command-io.js';
import { main } from './main.js';

// `octavo eval ... | head` closes our standard output early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// exitCode, not exit(): what was written to pipes still has to leave.
process.exitCode = await main(process.argv.slice(2), processIO());
