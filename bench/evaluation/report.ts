import type { Pictures } from './pictures.js';

export interface Page {
  readonly title: string;
  /** The command that repeats it. */
  readonly command: string;
  readonly parts: readonly Part[];
}

/** Markdown tables and pictures under a heading. */
export interface Part {
  readonly heading: string;
  readonly text?: string;
  readonly tables: readonly string[];
  readonly pictures: Pictures;
}

const STYLE = `body{font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0;font-size:13px}td:first-child{min-width:15em}th,td{border:1px solid #ccc;padding:.25em .6em;text-align:left}
td:not(:first-child){font-variant-numeric:tabular-nums;white-space:nowrap}th{background:#f4f4f4}
div.wide{overflow-x:auto}svg{max-width:100%;height:auto}code{background:#f4f4f4;padding:.1em .3em}`;

/** One page with everything in it; it loads nothing. */
export function pageOf({ title, command, parts }: Page): string {
  const body = parts.map(({ heading, text, tables, pictures }) =>
    [
      `<h2>${escaped(heading)}</h2>`,
      ...(text === undefined ? [] : [`<p>${escaped(text)}</p>`]),
      ...tables.map((table) => `<div class="wide">${tableOf(table)}</div>`),
      ...Object.values(pictures).map((svg) => `<figure>${svg}</figure>`),
    ].join('\n'),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><h1>${escaped(title)}</h1><p>Again: <code>${escaped(command)}</code></p>
${body.join('\n')}
</body></html>
`;
}

/** The same as Markdown, with the pictures in files beside it. */
export function markdownOf({ title, command, parts }: Page): string {
  const body = parts.flatMap(({ heading, text, tables, pictures }) => [
    `## ${heading}`,
    ...(text === undefined ? [] : [text]),
    ...tables,
    ...Object.keys(pictures).map((name) => `![${name}](${name}.svg)`),
  ]);
  return `${[`# ${title}`, `Again: \`${command}\``, ...body].join('\n\n')}\n`;
}

/** A Markdown table as HTML. */
function tableOf(markdown: string): string {
  const [heading, , ...rows] = markdown.split('\n').map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => escaped(cell.trim())),
  );
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return `<table>${row(heading ?? [], 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
