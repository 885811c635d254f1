import { escapeHtml } from './escape.js';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is printed. */
  readonly text: string;
  /** CSS class that colours the bar. */
  readonly kind: string;
}

const LABEL_WIDTH = { least: 118, most: 420, ofCharacter: 6.6 };
const BAR_WIDTH = 230;
const TEXT_WIDTH = 62;
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 14;

/**
 * Horizontal bars from zero, as one inline SVG element; what is below zero has no length. Colours come from the page's
 * style.
 */
export function barChart(title: string, bars: readonly Bar[]): string {
  const labelWidth = labelWidthOf(bars);
  const width = labelWidth + BAR_WIDTH + TEXT_WIDTH;
  const height = bars.length * ROW_HEIGHT;
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const rows = bars.map(({ label, value, text, kind }, i) => {
    const middle = i * ROW_HEIGHT + ROW_HEIGHT / 2;
    const length = Math.max(1, (value / longest) * BAR_WIDTH);
    return [
      `<text x="${labelWidth - 8}" y="${middle}" class="label">${escapeHtml(label)}</text>`,
      `<rect x="${labelWidth}" y="${middle - BAR_HEIGHT / 2}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" class="${escapeHtml(kind)}"/>`,
      `<text x="${(labelWidth + length + 6).toFixed(1)}" y="${middle}" class="value">${escapeHtml(text)}</text>`,
    ].join('');
  });
  const described = bars.map(({ label, text }) => `${label} ${text}`).join(', ');
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(`${title}: ${described}`)}">` +
    `${rows.join('')}</svg>`
  );
}

function labelWidthOf(bars: readonly Bar[]): number {
  const longest = Math.max(0, ...bars.map(({ label }) => label.length));
  return Math.round(Math.min(Math.max(longest * LABEL_WIDTH.ofCharacter + 10, LABEL_WIDTH.least), LABEL_WIDTH.most));
}
