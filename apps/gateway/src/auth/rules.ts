import { SetMetadata } from '@nestjs/common';
import type { Permission } from './permissions.js';

/** Who may call a route: anybody, or the holders of a permission on the module in its path. */
export type Rule = 'public' | Permission;

export const RULE = 'longshore:rule';

/** Lets the holders of a permission in; where the path has a `module_id`, they must hold it for that module. */
export const RequirePermission = (permission: Permission) => SetMetadata(RULE, permission);

/** Lets anybody in. */
export const Public = () => SetMetadata(RULE, 'public');
