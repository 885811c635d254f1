import { escapeHtml } from './escape.js';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is printed. */
  readonly text: string;
  /** CSS class that colours the bar. */
  readonly kind: string;
}

const LABEL_WIDTH = 118;
const BAR_WIDTH = 230;
const TEXT_WIDTH = 62;
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 14;

/** Horizontal bars from zero, as one inline SVG element. Colours come from the page's style. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const width = LABEL_WIDTH + BAR_WIDTH + TEXT_WIDTH;
  const height = bars.length * ROW_HEIGHT;
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const rows = bars.map(({ label, value, text, kind }, i) => {
    const middle = i * ROW_HEIGHT + ROW_HEIGHT / 2;
    const length = Math.max(1, (value / longest) * BAR_WIDTH);
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${middle}" class="label">${escapeHtml(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${middle - BAR_HEIGHT / 2}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" class="${escapeHtml(kind)}"/>`,
      `<text x="${(LABEL_WIDTH + length + 6).toFixed(1)}" y="${middle}" class="value">${escapeHtml(text)}</text>`,
    ].join('');
  });
  const described = bars.map(({ label, text }) => `${label} ${text}`).join(', ');
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(`${title}: ${described}`)}">` +
    `${rows.join('')}</svg>`
  );
}
