/** Where the window was and how large, kept from one start to the next. */
import { readFileSync } from 'node:fs';
import { screen, type BrowserWindow, type Rectangle } from 'electron';
import { z } from 'zod';
import { appFolders } from './app-folders';
import { replacePrivate } from './private-file';

const place = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().min(400).max(16_384),
  height: z.number().int().min(300).max(16_384),
  maximized: z.boolean(),
});

/** While a window is dragged its place changes with every pixel. */
const SETTLED_MS = 400;
/** So much of the title must be on a screen that it can be taken hold of. */
const GRIP = 64;

export interface WindowPlace {
  readonly bounds: Partial<Rectangle>;
  readonly maximized: boolean;
}

/** The remembered place; only its size when no screen of now shows it any more. */
export function rememberedPlace(): WindowPlace {
  try {
    const { maximized, ...bounds } = place.parse(JSON.parse(readFileSync(appFolders.windowPlace(), 'utf8')));
    const { width, height } = bounds;
    return { bounds: isOnScreen(bounds) ? bounds : { width, height }, maximized };
  } catch {
    // The first start, or a file that says nothing of use.
    return { bounds: { width: 1280, height: 800 }, maximized: false };
  }
}

/** Keeps a window's place from now on. */
export function keepPlace(window: BrowserWindow): void {
  let timer: NodeJS.Timeout | null = null;
  const write = (): void => {
    timer = null;
    if (window.isDestroyed() || window.isMinimized()) return;
    const text = JSON.stringify({ ...window.getNormalBounds(), maximized: window.isMaximized() });
    // Of no importance when it fails: the window then opens where it always did.
    void replacePrivate(appFolders.windowPlace(), text).catch(() => undefined);
  };
  const later = (): void => {
    timer ??= setTimeout(write, SETTLED_MS);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('maximize', later);
  window.on('unmaximize', later);
  window.on('close', () => {
    if (timer !== null) clearTimeout(timer);
    write();
  });
}

function isOnScreen({ x, y, width }: Rectangle): boolean {
  return screen.getAllDisplays().some(({ workArea }) => {
    const right = Math.min(x + width, workArea.x + workArea.width);
    const wide = right - Math.max(x, workArea.x);
    return wide >= GRIP && y >= workArea.y - 8 && y <= workArea.y + workArea.height - GRIP;
  });
}
