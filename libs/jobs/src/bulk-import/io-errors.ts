/** Too many open files, and the errors of a network file system that is unavailable. */
const TRANSIENT = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'EIO', 'ENETDOWN', 'ESTALE', 'ETIMEDOUT']);

/** Whether a failure of the file system may go away by itself. */
export const isTransientIo = (error: Error): boolean => TRANSIENT.has((error as NodeJS.ErrnoException).code ?? '');
