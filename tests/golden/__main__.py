"""`python -m tests.golden FOLDER [NAME ...]`: check all records in a folder, or those named."""

import argparse
import sys
import time
import traceback
import warnings

from . import records
from .check import check


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden",
        description=(
            "Load the models of a folder of golden records, predict, evaluate and train as each record tells,"
            " and compare with what is stored. Exit status 1 if anything differs that ought not to."
        ),
    )
    parser.add_argument("folder", help="the folder with manifest.json")
    parser.add_argument("names", nargs="*", help="names of records (default: all)")
    parser.add_argument(
        "--verbose", "-v", action="store_true", help="name records that pass, and show tracebacks"
    )
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")

    from keras import backend as K

    passed, failed, designed, start = 0, [], [], time.monotonic()
    for name in options.names or records.names(options.folder):
        try:
            findings = check(records.read(options.folder, name))
        except Exception as error:  # whatever it is, the other records count
            failed.append(name)
            print(f"FAILED {name}: {type(error).__name__}: {str(error)[:600]}")
            if options.verbose:
                traceback.print_exc()
            continue
        finally:
            K.clear_session()
        wrong = [finding for finding in findings if not finding.by_design]
        designed += [(name, finding) for finding in findings if finding.by_design]
        if wrong:
            failed.append(name)
            print(f"FAILED {name}: " + "\n       ".join(finding.text for finding in wrong))
        else:
            passed += 1
            if options.verbose:
                print(f"passed {name}")
    if designed:
        print("\nDiffers by design (the reference trains by other rules than Keras 2.3.1):")
        for name, finding in designed:
            print(f"  {name}: {finding.text}")
    print(
        f"\n{passed} passed, {len(failed)} failed, {len({name for name, _ in designed})} with differences by"
        f" design, in {time.monotonic() - start:.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
