/** Programs for which others wrote tests, and how these run against a clamd at its usual places. */
import type { ClamdOptions } from '../../test/programs/servers/clamd.ts'

export interface Suite {
  /** Where its files are known, and the packages of Debian that it needs. */
  readonly source: string
  /** Run by a shell in a copy of its files, where the network can be reached. */
  readonly prepare?: string
  /**
   * Run by a shell in that copy. clamd listens at /run/clamav/clamd.ctl and 127.0.0.1:3310; a suite that starts its
   * own finds the program in CLAMD.
   */
  readonly command: string
  /** Files with signatures for that clamd, from the copy. It also knows EICAR, as in the tests of onescan. */
  readonly signatures?: readonly string[]
  /** Settings of that clamd; clamd.conf(5). */
  readonly settings?: ClamdOptions
  /** A line of the output about a test, and whether it has passed. */
  readonly line: RegExp
}

const OF_PYTEST = /^\S+?::(?<test>\S+) (?:(?<passed>PASSED)|FAILED|ERROR)/
const OF_MINITEST = /^(?<test>\S.*#test_.*?) = [0-9.]+ s = (?:(?<passed>\.)|[FES])/
const OF_TAP = /^(?:(?<passed>ok)|not ok) \d+ (?<test>.*)$/
const OF_GO = /^ *--- (?:(?<passed>PASS)|FAIL|SKIP): (?<test>\S+)/
const OF_RUST = /^test (?<test>\S+) \.\.\. (?:(?<passed>ok)|FAILED)/
const OF_CHECK = /^\S+:\d+:(?:(?<passed>P)|[FE]):[^:]*:(?<test>test_\w+:\d+): /
/** What a program prints is all that is compared. */
const OF_PROGRAM = /^(?<passed>printed): (?<test>.*)$/
const OF_PRINTER = /^(?:(?<passed>passed)|failed): (?<test>.*)$/

/** Prints the results of tests in files as JUnit writes them. */
const PRINT_JUNIT = `python3 - results/*.xml <<'PYTHON'
import sys, xml.etree.ElementTree as tree
for path in sys.argv[1:]:
    for test in tree.parse(path).iter('testcase'):
        ok = test.find('failure') is None and test.find('error') is None and test.find('skipped') is None
        print('passed' if ok else 'failed', ': ', test.get('classname'), ' ', test.get('name'), sep='')
PYTHON`

/** Runs tests of PHPUnit, whose classes are found in directories as their namespaces have them. */
const phpunit = (directories: Readonly<Record<string, string>>, tests: string) => {
  const pairs = Object.entries(directories).map(([name, place]) => `'${name}\\\\' => '${place}'`)
  return `cat >autoload.php <<'PHP'
<?php spl_autoload_register(function ($class) {
  foreach ([${pairs.join(', ')}] as $prefix => $place) {
    $path = __DIR__ . "/$place/" . strtr(substr($class, strlen($prefix)), '\\\\', '/') . '.php';
    if (str_starts_with($class, $prefix) && file_exists($path)) require $path;
  }
});
PHP
    mkdir results
    phpunit --no-configuration --bootstrap autoload.php --log-junit results/all.xml ${tests}
    ${PRINT_JUNIT}`
}

/** Compiles and runs tests of JUnit. */
const junit = `JARS=$(ls /usr/share/java/junit*.jar /usr/share/java/hamcrest*.jar /usr/share/java/opentest4j*.jar \\
      /usr/share/java/apiguardian*.jar /usr/share/java/picocli.jar /usr/share/java/univocity*.jar | tr '\\n' ':')
    javac -nowarn -d classes -cp "$JARS" $(find src -name '*.java')
    java -cp "classes:$JARS" org.junit.platform.console.ConsoleLauncher --scan-classpath classes \\
      --include-classname '.*' --reports-dir results
    ${PRINT_JUNIT}`

/**
 * Makes the test files and the program check_clamd, in unit_tests. Its headers ask for a configured tree, of which the
 * program uses these few names.
 */
const CHECK_CLAMD = `for file in input/clamav_hdb_scanfiles/*.xor; do
      /usr/bin/python3 input/xor_testfile.py --in_file "$file" --out_file "\${file%.xor}" >&2
      rm "$file"
    done
    mkdir headers && touch headers/platform.h headers/version.h headers/str.h headers/fdpassing.h
    version=$(clamd --version | sed 's/^ClamAV //; s#/.*##')
    cc -w -D_GNU_SOURCE -DHAVE_SYS_TYPES_H -DHAVE_SYS_SELECT_H -DO_BINARY=0 -DPATHSEP='"/"' \\
      -DCLAMSTAT=stat '-DSTATBUF=struct stat' '-DSTDi64="%ld"' -DSRCDIR="\\"$PWD\\"" -DOBJDIR="\\"$PWD\\"" \\
      -DVERSION="\\"$version\\"" -DVERSION_SUFFIX='""' '-DMIN(a,b)=((a)<(b)?(a):(b))' '-DUNUSEDPARAM(x)=(void)x' \\
      '-DCLI_STRNSTR(text,part,length)=(char *)memmem(text,length,part,strlen(part))' \\
      -Iheaders check_clamd.c -o check_clamd -lcheck -lsubunit -lm -lrt -lpthread
    export CK_TIMEOUT_MULTIPLIER=5 VERSION=$version`

const clamscan = (socket: string): Suite => ({
  source: 'github.com/kylefarris/clamscan',
  prepare: 'npm install --no-audit --no-fund --ignore-scripts >/dev/null',
  command: `sed -i "s#socket: isMac.*#socket: ${socket},#; /isGithub)/d" tests/test_config.js
    mkdir -p tests/infected tests/bad_scan_dir tests/mixed_scan_dir/folder1 tests/mixed_scan_dir/folder2
    npx mocha --exit --retries 1 --timeout 5000 --reporter tap tests/index.js`,
  line: OF_TAP,
})

const ruby = (environment: string): Suite => ({
  source: 'github.com/franckverrot/clamav-client; ruby-minitest',
  command: `sed -i "/require 'pry'/d" test/test_helper.rb
    ${environment} ruby -Ilib -Itest -e 'Dir["test/**/*_test.rb"].sort.each { |file| require "./" + file }' -- -v`,
  line: OF_MINITEST,
})

export const suites: Readonly<Record<string, Suite>> = {
  'check_clamd.c': {
    source: 'github.com/Cisco-Talos/clamav; check, libsubunit-dev, libclamav-dev',
    signatures: ['unit_tests/input/clamav.hdb'],
    // As in clamd_test.py.
    settings: { commandReadTimeout: 1, maxQueue: 800, maxConnectionQueueLength: 1024 },
    command: `cd unit_tests
    ${CHECK_CLAMD}
    ln -s /run/clamav/clamd.ctl clamd-test.socket
    ./check_clamd >&2
    cat test-clamd.log`,
    line: OF_CHECK,
  },
  'clamd_test.py': {
    source:
      'github.com/Cisco-Talos/clamav; check, libsubunit-dev, libclamav-dev, python3-pytest, clamdscan',
    command: `echo '#define HAVE_FD_PASSING 1' >clamav-config.h
    cd unit_tests
    ${CHECK_CLAMD}
    mkdir tmp
    # onescand starts behind clamd, which takes time on a busy host.
    sed -i -E 's/(-p|--ping) (5|10) /\\1 120 /' clamd_test.py
    SOURCE=$PWD/.. BUILD=$PWD/.. TMP=$PWD/tmp CHECK_CLAMD=$PWD/check_clamd CLAMDSCAN=clamdscan \\
      python3 -m pytest -v -p no:cacheprovider clamd_test.py`,
    line: OF_PYTEST,
  },
  'python-clamd': {
    source: 'github.com/graingert/python-clamd; python3-pytest',
    // Newer versions of pytest call setup_method() alone.
    command: `sed -i 's/def setup(self)/def setup_method(self)/' src/tests/*.py
    PYTHONPATH=src python3 -m pytest -v -p no:cacheprovider src/tests`,
    line: OF_PYTEST,
  },
  'clamav-client for Ruby by socket': ruby('CLAMD_UNIX_SOCKET=/run/clamav/clamd.ctl'),
  'clamav-client for Ruby by TCP': ruby('CLAMD_TCP_HOST=127.0.0.1 CLAMD_TCP_PORT=3310'),
  'clamscan by socket': clamscan("'/run/clamav/clamd.ctl'"),
  'clamscan by TCP': clamscan('null'),
  'php-clamav': {
    source: 'github.com/appwrite/php-clamav; phpunit',
    command: phpunit({ 'Appwrite\\ClamAV': 'src/ClamAV' }, 'tests'),
    line: OF_PRINTER,
  },
  quahog: {
    source:
      'github.com/jonjomckay/quahog, with the files of github.com/clue/socket-raw in socket-raw; phpunit',
    command: phpunit(
      { 'Xenolope\\Quahog': 'src/Quahog', 'Socket\\Raw': 'socket-raw/src' },
      'tests/QuahogITTest.php',
    ),
    line: OF_PRINTER,
  },
  'clamd for Go': {
    source: 'github.com/baruwa-enterprise/clamd; golang-go',
    // Its own clamdscan alone needs another module.
    command: `rm -r cmd && sed -i /pflag/d go.mod && GOPROXY=off GOCACHE=$PWD/.cache go test -v .`,
    line: OF_GO,
  },
  'go-clamd': {
    source:
      'github.com/dutchcoders/go-clamd, which has no tests: what it prints is compared; golang-go',
    command: `mkdir asks && cat >asks/main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"os"

	clamd "github.com/dutchcoders/go-clamd"
)

func main() {
	for _, address := range []string{"/run/clamav/clamd.ctl", "tcp://127.0.0.1:3310"} {
		c := clamd.NewClamd(address)
		fmt.Println("printed:", address, "ping", c.Ping())
		fmt.Println("printed:", address, "reload", c.Reload())
		tell := func(what string, results chan *clamd.ScanResult, err error) {
			if err != nil {
				fmt.Println("printed:", address, what, err)
				return
			}
			for result := range results {
				fmt.Println("printed:", address, what, result.Raw, result.Status)
			}
		}
		version, err := c.Version()
		tell("version", version, err)
		for _, content := range [][]byte{clamd.EICAR, []byte("hello"), {}} {
			results, err := c.ScanStream(bytes.NewReader(content), make(chan bool))
			tell(fmt.Sprint(len(content), " bytes"), results, err)
		}
		if address[0] == '/' {
			os.WriteFile("/run/clamav/eicar", clamd.EICAR, 0644)
			for what, ask := range map[string]func(string) (chan *clamd.ScanResult, error){
				"scan": c.ScanFile, "all match": c.AllMatchScanFile, "multi": c.MultiScanFile, "cont": c.ContScanFile} {
				for _, path := range []string{"/run/clamav/eicar", "/run/clamav/missing"} {
					results, err := ask(path)
					tell(what, results, err)
				}
			}
		}
	}
}
GO
    printf 'module github.com/dutchcoders/go-clamd\ngo 1.19\n' >go.mod
    GOPROXY=off GOCACHE=$PWD/.cache go run ./asks`,
    line: OF_PROGRAM,
  },
  'c-icap': {
    source:
      'c-icap, libc-icap-mod-virus-scan: what its client prints is compared; of the directory nothing is used',
    command: `mkdir c-icap && cat >c-icap.conf <<CONF
PidFile $PWD/c-icap/pid
CommandsSocket $PWD/c-icap/control
Port 127.0.0.1:1344
User root
Group root
TmpDir $PWD/c-icap
ModulesDir /usr/lib/x86_64-linux-gnu/c_icap
ServicesDir /usr/lib/x86_64-linux-gnu/c_icap
TemplateDir /usr/share/c_icap/templates/
LoadMagicFile /etc/c-icap/c-icap.magic
ServerLog $PWD/c-icap/server.log
AccessLog $PWD/c-icap/access.log
Module common clamd_mod.so
clamd_mod.ClamdSocket /run/clamav/clamd.ctl
Service antivirus_module virus_scan.so
virus_scan.DefaultEngine clamd
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.MaxObjectSize 100M
CONF
    c-icap -f c-icap.conf -N &
    for second in 1 2 3 4 5 6 7 8 9; do c-icap-client -s virus_scan -i 127.0.0.1 >/dev/null 2>&1 && break; sleep 1; done
    printf '%s' 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*' >eicar
    printf hello >text
    head -c 5000000 /dev/zero >zeros
    gzip -k eicar && tar cf eicar.tar eicar
    for file in eicar text zeros eicar.gz eicar.tar; do
      c-icap-client -s virus_scan -i 127.0.0.1 -f "$file" -req "http://example.org/$file" -v -nopreview 2>&1 >/dev/null |
        grep -E 'ICAP/1.0|X-(Infection|Violations)' | sed "s/^s*/printed: $file: /"
    done
    kill $!`,
    line: OF_PROGRAM,
  },
  'clamav-java': {
    source: 'github.com/solita/clamav-java; default-jdk-headless, junit5',
    settings: { streamMaxLength: '50000' },
    command: junit,
    line: OF_PRINTER,
  },
  'clamd-client for Java': {
    source: 'github.com/matthiasblaesing/clamd-client; default-jdk-headless, junit5',
    settings: { streamMaxLength: '10M', logFile: '/run/clamav/clamd.log' },
    command: `sed -i 's#/tmp/clamd#/run/clamav/clamd#' src/test/java/*/*/*/*/*.java
    rm -f src/test/java/ManualTest.java
    ${junit}`,
    line: OF_PRINTER,
  },
  'rust-clamav-client': {
    source: 'github.com/toblux/rust-clamav-client; rustc',
    settings: { streamMaxLength: '1000000' },
    command: `sed -i 's#/tmp/clamd.socket#/run/clamav/clamd.ctl#' tests/clamav_client.rs
    rustc --edition 2021 --crate-type lib --crate-name clamav_client src/lib.rs
    rustc --edition 2021 --test -L . --extern clamav_client=libclamav_client.rlib tests/clamav_client.rs -o tests-of-client
    ./tests-of-client --test-threads 1`,
    line: OF_RUST,
  },
}
