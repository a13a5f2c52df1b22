/**
 * The one button. A button that cannot be used now stays in reach and says why (`cannot`), instead of being disabled.
 * `variant="primary"`: at most one on a screen, and the top bar has it already.
 */
import { Tooltip } from '@mantine/core';
import type { LucideIcon } from 'lucide-react';
import './button.css';

interface ButtonProps extends Omit<React.ComponentProps<'button'>, 'children'> {
  readonly children: React.ReactNode;
  readonly icon?: LucideIcon | undefined;
  readonly variant?: 'default' | 'primary' | 'quiet' | undefined;
  readonly danger?: boolean | undefined;
  readonly cannot?: string | null | undefined;
}

export function Button({
  children,
  icon: Icon,
  variant = 'default',
  danger = false,
  cannot = null,
  className = '',
  onClick,
  type = 'button',
  ...rest
}: ButtonProps): React.JSX.Element {
  const button = (
    <button
      {...rest}
      type={cannot === null ? type : 'button'}
      className={`button button-${variant} ${danger ? 'button-danger' : ''} ${className}`}
      aria-disabled={cannot === null ? undefined : true}
      aria-description={cannot ?? undefined}
      onClick={cannot === null ? onClick : undefined}
    >
      {Icon !== undefined && <Icon size={15} aria-hidden />}
      {children}
    </button>
  );
  return cannot === null ? button : <Tooltip label={cannot}>{button}</Tooltip>;
}

interface IconButtonProps extends Omit<React.ComponentProps<'button'>, 'children'> {
  readonly icon: LucideIcon;
  /** What it does, in words: its name and its tooltip. */
  readonly label: string;
}

export function IconButton({ icon: Icon, label, className = '', ...rest }: IconButtonProps): React.JSX.Element {
  return (
    <Tooltip label={label}>
      <button type="button" {...rest} className={`button button-quiet button-icon ${className}`} aria-label={label}>
        <Icon size={16} aria-hidden />
      </button>
    </Tooltip>
  );
}
