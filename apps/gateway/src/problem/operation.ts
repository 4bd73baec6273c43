import type { FastifyRequest } from 'fastify';

/** The operations of the contract and our own. */
export const OPERATIONS = ['start', 'stop', 'restart', 'abandon', 'delete'] as const;

export type Operation = (typeof OPERATIONS)[number];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The operation that the route carries out, if it is one. */
    operation?: Operation;
  }
}

/** The operation of the route that a request has matched, if it is one. */
export const operationOf = ({ routeOptions }: Pick<FastifyRequest, 'routeOptions'>): Operation | undefined =>
  routeOptions?.config?.operation;
