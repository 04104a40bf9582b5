import type { Routes } from '../ports/routes.js';
import { addon, kernelCall, type NativeRouteWatch } from './addon.js';

/** The kernel's routes with what watches them; `close` lets the watch go. */
export interface NativeRoutes extends Routes {
  close(): void;
}

export function nativeRoutes(): NativeRoutes {
  const table = kernelCall('routes', () => new (addon().RouteTable)());
  let changed = (): void => {};
  let watch: NativeRouteWatch | undefined;
  return {
    lookup: (destination) => kernelCall('routes', () => table.lookup(destination)),
    onChange(receiver) {
      changed = receiver;
      watch ??= kernelCall('route changes', () => new (addon().RouteWatch)(() => changed()));
    },
    close() {
      watch?.close();
      watch = undefined;
    },
  };
}
