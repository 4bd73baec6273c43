/** What a user may be allowed. Source: the contract, "This method requires the … permission". */
export const PERMISSIONS = ['VIEW_BATCH_JOBS', 'MANAGE_BATCH_JOBS'] as const;

export type Permission = (typeof PERMISSIONS)[number];

export interface Grant {
  permission: Permission;
  /** The module it holds for; all modules where absent. */
  argument?: string | undefined;
}

/** Somebody who has proved who they are. */
export interface User {
  username: string;
  permissions: readonly Grant[];
}

/** Whether a user holds a permission on a module; without a module: on any. */
export const holds = (user: User, permission: Permission, moduleId?: string): boolean =>
  user.permissions.some(
    (grant) =>
      grant.permission === permission &&
      (grant.argument === undefined || moduleId === undefined || grant.argument === moduleId),
  );
