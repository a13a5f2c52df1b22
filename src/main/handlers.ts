/** One handler per line of the contract's table. Thin: call the engine, give back what the contract promises. */
import { app } from 'electron';
import type { Handlers } from './calls';

/** Electron's types promise the last two; only Electron keeps the promise. */
const versions: Readonly<Record<string, string | undefined>> = process.versions;

export const handlers: Handlers = {
  'app.version': () => ({
    slipway: app.getVersion(),
    node: process.versions.node,
    chromium: versions['chrome'] ?? null,
    electron: versions['electron'] ?? null,
  }),
};
