// The public names of @octavo/glue-eval. Anything not listed here may change without notice.

export type { PairExample } from './data/pair-example.js';
export { loadPairs } from './data/pairs.js';
export { evaluate } from './eval/evaluate.js';
export type { Evaluation, EvaluationSummary, ModeName, ModeResult, ModeRun } from './eval/evaluation.js';
export type { EvaluateOptions, EvaluationProgress } from './eval/options.js';
export { type GoldenOptions, type GoldenResult, runGolden } from './golden/index.js';
export { type AccuracyF1, accuracyF1 } from './metrics/accuracy-f1.js';
export { median } from './metrics/median.js';
export type { ClassifierConfig } from './models/architectures.js';
export { BertForSequenceClassification } from './models/bert.js';
export { type BertConfig, readBertConfig } from './models/bert-config.js';
export { loadPretrained, openPretrained, type Pretrained } from './models/huggingface.js';
export { type ImageModel, openImageModel } from './models/image/open-image-model.js';
export { type FloatModel, type FloatModelOptions, openFloatModel } from './quantize/float-model.js';
export { renderHtml } from './report/html.js';
export { renderJson } from './report/json.js';
export { renderText } from './report/text-table.js';
export { TASKS, taskByName } from './tasks/registry.js';
export type { Metric, Task } from './tasks/task.js';
export { type Batch, type Encoding, PairTokenizer } from './text/tokenizer.js';
