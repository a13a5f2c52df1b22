/** Plain data, without the schemas beside it: the window takes it along as it is. */
import type { ControlsSettings } from './controls';

/** Nothing is typed for profiles and agent yet. */
export const NO_CONTROLS: ControlsSettings = { team: '', oldUrl: '', packageUrl: '', manifestUrl: '' };
