/** Text as it may be shown or pasted: names of devices, profiles and files are anybody's, and come with anything in them. */

/**
 * Controls, and what turns the direction of text or cannot be seen: unseen on a page, and free to make one name look
 * like another. Tabs and line feeds only part words, with a return before them too. As on a terminal (src/cli/terminal.ts).
 */
const UNSHOWABLE =
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]|\r(?!\n)/g;

/** The same text with `\u{…}` for each character that could not be seen, or that would move its neighbours. */
export function shownText(text: string): string {
  return text.replace(UNSHOWABLE, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}
