export { type GoldenOptions, type GoldenResult, runGolden } from './run-golden.js';
