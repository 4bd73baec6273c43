import type { Curve, Point } from './curve.js';

const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = { left: 80, right: 24, top: 48, bottom: 64 };
const MARKS = 4;

type Text = Pick<Curve, 'title' | 'x' | 'y'>;

/** A picture of a curve: x on a logarithmic scale, y from 0. */
export function svgOf({ title, x, y }: Text, points: readonly Point[], footnote: string): string {
  const scale = scaleOf(points);
  const places = points.map((point) => `${scale.x(point.x)},${scale.y(point.y)}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">
  <rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
  ${label(MARGIN.left, 24, title, 'font-size="15"')}
  ${marks(scale)}
  <polyline points="${places.join(' ')}" fill="none" stroke="#1660a8" stroke-width="2"/>
  ${points.map((point) => pointMark(point, scale)).join('\n  ')}
  ${label(WIDTH / 2, HEIGHT - 28, x, 'text-anchor="middle"')}
  ${label(MARGIN.left, 42, y, 'fill="#777"')}
  ${label(WIDTH - MARGIN.right, HEIGHT - 8, footnote, 'text-anchor="end" font-size="9" fill="#777"')}
</svg>
`;
}

interface Scale {
  top: number;
  x(value: number): number;
  y(value: number): number;
}

function scaleOf(points: readonly Point[]): Scale {
  const xs = points.map((point) => Math.log(point.x));
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const top = roundUp(Math.max(...points.map((point) => point.y)));
  const inner = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  return {
    top,
    x: (value) => Math.round(MARGIN.left + (inner.width * (Math.log(value) - least)) / (most - least || 1)),
    y: (value) => Math.round(MARGIN.top + inner.height * (1 - value / top)),
  };
}

/** To a number with one digit and zeros. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / power) * power;
}

/** Lines across, with their values. */
const marks = ({ top, y }: Scale): string =>
  Array.from({ length: MARKS + 1 }, (_, index) => (index * top) / MARKS)
    .map(
      (value) =>
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
        label(MARGIN.left - 8, y(value) + 4, value.toLocaleString('en-US'), 'text-anchor="end"'),
    )
    .join('\n  ');

const pointMark = (point: Point, scale: Scale): string =>
  `<circle cx="${scale.x(point.x)}" cy="${scale.y(point.y)}" r="3" fill="#1660a8"/>` +
  label(scale.x(point.x), HEIGHT - MARGIN.bottom + 18, point.x.toLocaleString('en-US'), 'text-anchor="middle"');

const label = (x: number, y: number, text: string, attributes: string): string =>
  `<text x="${x}" y="${y}" ${attributes}>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
