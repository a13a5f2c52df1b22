/** Controls in a row; `<ToolbarGap />` pushes what follows to the right. */
import './toolbar.css';

export function Toolbar({
  label,
  children,
}: {
  readonly label: string;
  readonly children: React.ReactNode;
}): React.JSX.Element {
  return (
    <div className="toolbar" role="group" aria-label={label}>
      {children}
    </div>
  );
}

export function ToolbarGap(): React.JSX.Element {
  return <span className="toolbar-gap" />;
}
