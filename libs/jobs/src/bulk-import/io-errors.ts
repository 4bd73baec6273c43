/** Too many open files, and what a network file system says while it is away. */
const TRANSIENT = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'EIO', 'ENETDOWN', 'ESTALE', 'ETIMEDOUT']);

/** Whether a failure of the file system may go away by itself. */
export const isTransientIo = (error: Error): boolean => TRANSIENT.has((error as NodeJS.ErrnoException).code ?? '');
