/** How much is measured. */
export interface Sizes {
  /** Measurements of each line, of which the median counts. */
  rounds: number;
  /** Resources in the data set. */
  rows: number;
  /** Empty partitions run to compare with empty BullMQ jobs. */
  partitions: number;
  /** Empty chunks of one partition. */
  chunks: number;
  /** Starts, of whose times to the first row the median counts. */
  starts: number;
  /** How long requests are sent for one measurement, in ms. */
  loadMs: number;
  /** Executions stored, where the cost of a request must not grow with them. */
  history: number;
  /** Partitions of the huge execution. */
  hugePartitions: number;
  /** How many times the data set is read for the large one of two imports that are compared in memory. */
  memoryCopies: number;
  /** Partitions of the CPU-bound job. */
  busyPartitions: number;
}

export const FULL: Sizes = {
  rounds: 5,
  rows: 200_000,
  partitions: 5_000,
  chunks: 20_000,
  starts: 21,
  loadMs: 3_000,
  history: 200_000,
  hugePartitions: 20_000,
  memoryCopies: 10,
  busyPartitions: 400,
};

/** For a quick look: the same lines, with fewer and smaller rounds. */
export const QUICK: Sizes = {
  rounds: 3,
  rows: 20_000,
  partitions: 2_000,
  chunks: 3_000,
  starts: 9,
  loadMs: 800,
  history: 2_000,
  hugePartitions: 1_500,
  memoryCopies: 10,
  busyPartitions: 60,
};
