#!/usr/bin/python3
# builds: asan
"""A throttled link goes on after its pause, though a submit from before it is never answered. Prints
TAP."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import house  # noqa: E402

UNANSWERED, THROTTLED = '31699990009', '31699990005'
RESPONSE_S = 60  # far beyond the patience of this test
SETS = (f'providers.alpha.timers.response={RESPONSE_S}s', 'providers.alpha.timers.pause_min=50ms',
        'providers.alpha.window=5')


def main():
    tap = house.Tap()
    others = [f'3161000{n:04}' for n in range(60)]
    with house.House(['--quiet'], SETS) as home:
        home.daemon.start()
        home.daemon.open_account()
        status, answer = home.daemon.api('POST', '/api/v1/send_sms', {
            'route_id': 1, 'caller_id': 'ACME', 'message': 'Hello',
            'numbers': [UNANSWERED, THROTTLED, *others]})
        tap.result(status == 200, 'the order is accepted', [str(answer)])
        try:
            house.await_that('all but one are delivered', lambda: (
                home.daemon.order() or {}).get('delivered') == len(others) + 1, 10)
            tap.result(True, 'an unanswered submit does not hold up a link that was throttled')
        except house.Trouble as trouble:
            tap.result(False, 'an unanswered submit does not hold up a link that was throttled',
                       [str(trouble), str(home.daemon.order())])
        home.daemon.kill()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
