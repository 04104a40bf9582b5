import { dirname } from 'node:path';
import { MINUTEMAN } from './command.js';

const PLACE = '/mnt';

/** Node and the command of this checkout, where `shown` shows them. */
export const PUBLIC_MINUTEMAN = [`${PLACE}/node`, `${PLACE}/bin/minuteman`] as const;

const SHOW = `
set -e
node=$1 checkout=$2
shift 2
mount -t tmpfs -o mode=755 tmpfs ${PLACE}
cd ${PLACE}
mkdir bin build node_modules
touch node package.json
mount --bind "$node" node
for part in bin build node_modules package.json; do mount --bind "$checkout/$part" $part; done
exec "$@"`;

/**
 * Put before a command, shows it this checkout where every user may read it: it may itself be somewhere that is
 * closed to all but root. Nobody else sees the mounts.
 */
export const shown: readonly string[] = [
  ...['unshare', '--mount', 'sh', '-c', SHOW, 'sh'],
  ...[process.execPath, dirname(dirname(MINUTEMAN))],
];
