/** All keys, on one sheet. */
import { Dialog } from '../components/dialog';
import { Keys } from '../components/keys';
import { COMMAND } from '../hooks/use-shortcut';
import { showShortcuts, useUi } from '../stores/ui';
import './shortcut-sheet.css';

const GROUPS: readonly { readonly title: string; readonly keys: readonly (readonly [string, string])[] }[] = [
  {
    title: 'Anywhere',
    keys: [
      [`${COMMAND} K`, 'Search steps, actions, devices'],
      [`${COMMAND} 1 … 8`, 'Go to a step'],
      ['?', 'This sheet'],
      ['Esc', 'Close what is on top'],
    ],
  },
  {
    title: 'An open device',
    keys: [
      ['↑ ↓', 'The one before, the next'],
      ['Esc', 'Close it'],
    ],
  },
  {
    title: 'Devices',
    keys: [
      ['/', 'Search'],
      ['↑ ↓', 'Move'],
      ['Home End', 'First, last'],
      ['PgUp PgDn', 'A page at a time'],
      ['Enter', 'Open the device'],
      ['Space', 'Select'],
      ['Shift ↑ ↓', 'Extend the selection'],
      [`${COMMAND} A`, 'Select all that match'],
      [`${COMMAND} C`, 'Copy UDIDs'],
    ],
  },
];

export function ShortcutSheet(): React.JSX.Element {
  const opened = useUi((ui) => ui.shortcuts);
  return (
    <Dialog
      title="Keys"
      opened={opened}
      width={640}
      onClose={() => {
        showShortcuts(false);
      }}
    >
      <div className="shortcuts">
        {GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <ul>
              {keys.map(([press, does]) => (
                <li key={press}>
                  {does}
                  <Keys keys={press} />
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
