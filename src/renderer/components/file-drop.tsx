/** Takes what is dropped anywhere on it, and says while something is held over it. */
import { useRef, useState } from 'react';
import { pathOf } from '../bridge';

interface FileDropProps {
  readonly className: string;
  /** Added while files are held over it. */
  readonly overClassName: string;
  /** Paths of what was dropped; empty for what is no file on this machine. */
  readonly onDrop: (paths: readonly string[]) => void;
  /** Shown above everything while files are held over it. */
  readonly curtain?: React.ReactNode;
  readonly children: React.ReactNode;
}

export function FileDrop({ className, overClassName, onDrop, curtain, children }: FileDropProps): React.JSX.Element {
  const [over, setOver] = useState(false);
  // Entering a child counts before leaving its parent does.
  const depth = useRef(0);
  const holdsFile = (event: React.DragEvent): boolean => event.dataTransfer.types.includes('Files');
  return (
    <div
      className={over ? `${className} ${overClassName}` : className}
      onDragEnter={(event) => {
        if (!holdsFile(event)) return;
        depth.current += 1;
        setOver(true);
      }}
      onDragLeave={() => {
        depth.current = Math.max(0, depth.current - 1);
        if (depth.current === 0) setOver(false);
      }}
      onDragOver={(event) => {
        if (holdsFile(event)) event.preventDefault();
      }}
      onDrop={(event) => {
        event.preventDefault();
        depth.current = 0;
        setOver(false);
        onDrop([...event.dataTransfer.files].map((file) => pathOf(file)));
      }}
    >
      {children}
      {over && curtain}
    </div>
  );
}
