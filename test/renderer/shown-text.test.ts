/** Text on its way to the page, through what elements are made with. */
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { shownText } from '../../src/contract/shown-text';
import { Fragment, jsx, jsxs } from '../../src/renderer/jsx/jsx-runtime';
import { HOSTILE_NAMES, UNFIT_FOR_TERMINALS } from '../hostile/names';

const unseen = (html: string): string | undefined => UNFIT_FOR_TERMINALS.exec(html.replace(/[\t\n]|\r\n/g, ' '))?.[0];

describe('text of the window', () => {
  it.each(HOSTILE_NAMES.map((text, index) => [index, text] as const))('name %i is seen, and stays text', (_, text) => {
    const Named = ({ children }: { children: string }) => jsxs(Fragment, { children: ['called ', [children]] });
    const page = jsxs('p', {
      title: text,
      'aria-label': text,
      children: [text, jsx('b', { children: text }, 'b'), jsx(Named, { children: text }, 'n')],
    });
    const html = renderToStaticMarkup(page);
    expect(unseen(html)).toBeUndefined();
    expect(html.match(/<[^>]*>/g)).toHaveLength(4);
    expect(html.match(/[a-z-]+="/g)).toEqual(['title="', 'aria-label="']);
  });

  it('is changed nowhere but where it would not be seen', () => {
    for (const text of ['Ann’s Mac', 'שלום 5 Mac', 'नमस्ते', '👩‍👩‍👧‍👦', 'two\r\nlines\tand a tab', 'Z͑҉ a̐éö̲'])
      expect(shownText(text)).toBe(text);
    const props = { className: 'x', children: ['a', 1, null] };
    expect(jsxs('p', props).props).toEqual(createElement('p', { className: 'x' }, 'a', 1, null).props);
    // What is typed goes to main as it was typed.
    expect((jsx('input', { value: 'a\u202eb' }).props as { value: string }).value).toBe('a\u202eb');
  });

  it('does not grow over its neighbours', () => {
    const marks = renderToStaticMarkup(jsx('p', { children: `Z${'\u0351\u0489'.repeat(60)}` }));
    expect(marks.match(/\p{M}/gu)).toHaveLength(8);
  });
});
