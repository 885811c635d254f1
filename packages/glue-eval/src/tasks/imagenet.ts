import { loadImages } from '../data/images.js';
import { topK } from '../metrics/top-k.js';
import type { ImageTask } from './task.js';

/** ImageNet's validation images (ILSVRC 2012): what is in the picture? */
export const imagenet: ImageTask = {
  name: 'imagenet',
  title: 'ImageNet, image classification',
  kind: 'image',
  metrics: [
    { key: 'top1', title: 'top-1' },
    { key: 'top5', title: 'top-5' },
  ],
  defaults: { split: 'val', scheme: 'static', qconfig: 'staticImage' },
  load: loadImages,
  score: ({ logits }, labels) => ({ top1: topK(logits, labels, 1), top5: topK(logits, labels, 5) }),
};
