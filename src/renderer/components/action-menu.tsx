/** The secondary actions, behind one button. */
import { Menu } from '@mantine/core';
import { Ellipsis } from 'lucide-react';
import type { Action } from './action';
import { IconButton } from './button';
import { Keys } from './keys';

interface ActionMenuProps {
  readonly label: string;
  readonly actions: readonly Action[];
  /** The button that opens it; three dots unless told. */
  readonly target?: React.ReactNode;
}

export function ActionMenu({ label, actions, target }: ActionMenuProps): React.JSX.Element | null {
  if (actions.length === 0) return null;
  return (
    <Menu>
      <Menu.Target>{target ?? <IconButton icon={Ellipsis} label={label} />}</Menu.Target>
      <Menu.Dropdown>
        {actions.map(({ id, label: text, icon: Icon, run, cannot, danger, keys }) => (
          <Menu.Item
            key={id}
            leftSection={Icon === undefined ? undefined : <Icon size={15} aria-hidden />}
            rightSection={keys === undefined ? undefined : <Keys keys={keys} />}
            disabled={cannot != null}
            title={cannot ?? undefined}
            className={danger === true ? 'menu-danger' : ''}
            onClick={run}
          >
            {text}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
