"""The peers of test/peers, made with the npm package smpp. Used by the scripts of test/e2e."""
import os
import shutil
import subprocess

from truth import ROOT

PEERS = os.path.join(ROOT, 'test', 'peers')


def missing():
    """None, or why the peers cannot be run."""
    if not shutil.which('node'):
        return 'node is not installed'
    if not os.path.isdir(os.path.join(PEERS, 'node_modules', 'smpp')):
        done = subprocess.run(['npm', 'ci', '--prefix', PEERS, '--no-audit', '--no-fund'],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return 'npm ci failed: ' + done.stderr.strip().splitlines()[-1]
    return None


def command(script, *arguments):
    return ['node', os.path.join(PEERS, script), *map(str, arguments)]


def start(script, *arguments):
    """A peer that can be written to."""
    return subprocess.Popen(command(script, *arguments), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
