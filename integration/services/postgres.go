package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// newPostgres is a PostgreSQL with a user and a password of its own.
func newPostgres(folder string) (*service, []string, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, nil, err
	}
	account, err := postgresAccount()
	if err != nil {
		return nil, nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	home := filepath.Join(folder, "postgres")
	command := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, program), args...) // #nosec G204 -- Debian's
		cmd.Dir = home
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
		return cmd
	}
	password := rand.Text()
	if err := initialize(home, password, account, command); err != nil {
		return nil, nil, err
	}
	s := &service{
		name: "postgres",
		command: func() *exec.Cmd {
			return command("postgres", "-D", "data", "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", "")
		},
		ready: func() error { return command("pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(port)).Run() },
		crash: syscall.SIGQUIT, // its immediate shutdown: it recovers at the next start
	}
	return s, []string{fmt.Sprintf("DATABASE_URL=postgres://sparkmotion:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port)}, nil
}

// findPostgres is the folder of the newest PostgreSQL's programs, which Debian keeps off the PATH.
func findPostgres() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
		return filepath.Dir(newest), nil
	}
	program, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("there is no postgres: apt-get install postgresql")
	}
	return filepath.Dir(program), nil
}

// postgresAccount is whom PostgreSQL runs as: it refuses root.
func postgresAccount() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil // none is needed
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// initialize makes home, and a new database's data in it.
func initialize(home, password string, account *syscall.Credential, command func(string, ...string) *exec.Cmd) error {
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	secret := filepath.Join(home, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if account != nil {
		if err := errors.Join(os.Chown(home, int(account.Uid), int(account.Gid)), os.Chown(secret, int(account.Uid), int(account.Gid))); err != nil {
			return err
		}
	}
	output, err := command("initdb", "-D", "data", "-U", "sparkmotion", "--pwfile", "password", "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--no-locale", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	return nil
}
