"""What an operator does at the command line, a module for each group of commands."""
