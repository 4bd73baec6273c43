export { abandonedCode } from './abandoned-code.js';
export * from './chunk.js';
export * from './context.js';
export * from './crash-point.js';
export * from './define-job.js';
export * from './job.js';
export * from './parameters.js';
export * from './registry.js';
