import type { Plugin } from 'vite';

/** Leaves optional native parts of packages out of a bundle. */
export const withoutNativeParts: Plugin;
