export * from './open-module.js';
