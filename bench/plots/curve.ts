import type { Bench } from '../bench.js';

/** One measured point. */
export interface Point {
  x: number;
  y: number;
}

/** How a cost grows: one picture. */
export interface Curve {
  /** Of the picture, without its ending. */
  name: string;
  title: string;
  /** What is varied, and what is measured, with units. */
  x: string;
  y: string;
  measure(bench: Bench): Promise<Point[]>;
}
