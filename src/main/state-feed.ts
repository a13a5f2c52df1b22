/** Pushes the state to the window: at once when something happened, at most ten times a second while it goes on. */
import { BrowserWindow } from 'electron';
import { STATE_CHANNEL } from '../contract/bridge';
import type { AppState } from '../contract/state';
import { isPageUrl } from './page-protocol';

const PAUSE_MS = 100;

export class StateFeed {
  readonly #assemble: (revision: number) => AppState;
  #revision = 0;
  #sentAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(assemble: (revision: number) => AppState) {
    this.#assemble = assemble;
  }

  /** The state as it is now, whether it was pushed yet or not. */
  now(): AppState {
    return this.#assemble(this.#revision);
  }

  /** Something changed. */
  changed(): void {
    if (this.#timer !== null) return;
    const wait = this.#sentAt + PAUSE_MS - performance.now();
    if (wait <= 0) {
      this.#push();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#push();
    }, wait);
  }

  #push(): void {
    this.#sentAt = performance.now();
    this.#revision += 1;
    const state = this.#assemble(this.#revision);
    for (const { webContents } of BrowserWindow.getAllWindows()) {
      // SECURITY: nothing is told to a page that is not ours, however it came into the window.
      if (!webContents.isDestroyed() && isPageUrl(webContents.getURL())) webContents.send(STATE_CHANNEL, state);
    }
  }
}
