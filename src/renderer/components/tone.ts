/**
 * The few meanings a colour may have. A tone is always beside an icon or a word that says the same.
 * `renew` is used by the action “refresh” only.
 */
export type Tone = 'good' | 'info' | 'caution' | 'bad' | 'quiet' | 'renew';
