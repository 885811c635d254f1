import { escapeHtml } from './escape.js';
import { STYLE } from './style.js';

/**
 * A whole HTML page with the reports' style: no script, nothing loaded from elsewhere. `body` is HTML, `title` text.
 */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}
