/** Where a database file is dropped. Shown as a field when there is nothing else, and over the screen while dragging. */
import { FileDown } from 'lucide-react';
import { useRef, useState } from 'react';
import { pathOf } from '../../bridge';
import { readSourceFile } from './source-actions';

interface DropZoneProps {
  readonly children: React.ReactNode;
}

/** Takes a file that is dropped anywhere on it. */
export function DropZone({ children }: DropZoneProps): React.JSX.Element {
  const [over, setOver] = useState(false);
  const depth = useRef(0);
  const [refused, setRefused] = useState<string | null>(null);
  const holdsFile = (event: React.DragEvent): boolean => event.dataTransfer.types.includes('Files');
  const drop = (event: React.DragEvent): void => {
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    const { files } = event.dataTransfer;
    const [file] = files;
    const path = file === undefined ? '' : pathOf(file);
    if (files.length > 1) setRefused('Several files were dropped. Drop the one database file.');
    else if (path === '') setRefused('What was dropped is no file on this machine.');
    else {
      setRefused(null);
      void readSourceFile(path);
    }
  };
  return (
    <div
      className={over ? 'source source-over' : 'source'}
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
      onDrop={drop}
    >
      {refused !== null && (
        <p className="source-refused" role="alert">
          {refused}
        </p>
      )}
      {children}
      {over && (
        <div className="source-curtain" aria-hidden>
          <FileDown size={28} strokeWidth={1.5} />
          Drop it to read it. It is opened read-only.
        </div>
      )}
    </div>
  );
}
