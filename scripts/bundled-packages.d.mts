import type { Plugin } from 'vite';

export const BUNDLED: string;
/** Writes the packages that a bundle holds to `out/bundled/<bundle>.json`. */
export function recordPackages(bundle: string): Plugin;
