// One reader of the stored vectors serves both packages' tests.
export { goldenTest } from '../../../observers/test/support/golden.js';
