import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { User } from './permissions.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the guard knows who calls, before it checks what they may do; absent on public routes. */
    caller?: Caller;
    /** With their permissions; set with the caller. */
    user?: User;
  }
}

/** Who calls, and since when. */
export interface Caller {
  username: string;
  /** Milliseconds since the epoch. */
  time: number;
}

/** Hands a route that requires a permission the name of the user who calls. */
export const Username = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new Error('A route without a permission has no caller.');
  return caller.username;
});

/** Hands a route the id of the request, for what follows from it. */
export const RequestId = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().id,
);
