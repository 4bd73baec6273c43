// Prepares a fresh clone (installs packages, builds the sources), then runs the script it is given:
//   node scripts/bootstrap.mjs [dist/scripts/start.js [arguments…]]
// Plain JavaScript without packages. This file uses only syntax that old versions of Node can parse, so that they get an error message.
import { pathToFileURL } from 'url';

const OLDEST = [20, 19];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    'Longshore needs Node ' + OLDEST.join('.') + ' or newer; this is ' + process.version + ' (https://nodejs.org).\n',
  );
  process.exit(1);
}

import('./bootstrap/prepare.mjs')
  .then(({ prepare }) => prepare())
  .then(() => {
    const [, , script, ...rest] = process.argv;
    if (script === undefined) return undefined;
    process.argv = [process.argv[0], script, ...rest];
    return import(pathToFileURL(script).href);
  })
  .catch((error) => {
    process.stderr.write((error.expected ? error.message : error.stack) + '\n');
    process.exit(1);
  });
