/**
 * What every element of the window is made with, in the place of React's own: all text on its way to the page passes
 * {@link shownText}, so that no screen can forget it. What is typed, copied or sent to main is left as it is.
 *
 * The build puts it there (electron.vite.config.ts); components know nothing of it.
 */
import { Fragment, jsx as plainJsx, jsxs as plainJsxs } from 'react/jsx-runtime';
import { shownText } from '../../contract/shown-text';

export { Fragment };

type Make = typeof plainJsx;

export const jsx: Make = (type, props, key) => plainJsx(type, shown(type, props), key);
export const jsxs: Make = (type, props, key) => plainJsxs(type, shown(type, props), key);

/** More marks on one letter than any language puts there: they grow over the lines and out of the window. */
const STACKED = /(\p{M}{8})\p{M}+/gu;

function onPage(text: string): string {
  return shownText(text).replace(STACKED, '$1…');
}

/** Attributes that people read, or have read to them. */
const READ = [
  'title',
  'alt',
  'placeholder',
  'aria-label',
  'aria-description',
  'aria-valuetext',
  'aria-roledescription',
];

/** Components hand their text on; elements and fragments are where it arrives. */
function shown(type: unknown, props: unknown): unknown {
  // A style sheet is text that nobody reads.
  if ((typeof type !== 'string' && type !== Fragment) || type === 'style') return props;
  const given = props as Readonly<Record<string, unknown>>;
  let changed: Record<string, unknown> | null = null;
  const children = shownChildren(given['children']);
  if (children !== given['children']) changed = { ...given, children };
  for (const name of READ) {
    const value = given[name];
    if (typeof value !== 'string') continue;
    const text = onPage(value);
    if (text !== value) changed = { ...(changed ?? given), [name]: text };
  }
  return changed ?? props;
}

/** The very same children where nothing had to be changed. */
function shownChildren(children: unknown): unknown {
  if (typeof children === 'string') return onPage(children);
  if (!Array.isArray(children)) return children;
  let changed: unknown[] | null = null;
  for (const [index, child] of (children as unknown[]).entries()) {
    const one = shownChildren(child);
    if (one === child) continue;
    changed ??= [...(children as unknown[])];
    changed[index] = one;
  }
  return changed ?? children;
}
